// The script of a graph's worker.
import { openGraph } from "recurra/onnx";
import { serveGraphs } from "recurra/pool";

serveGraphs(openGraph);
