// The script of a graph's worker, as a program writes it that starts its workers itself.
import { openGraph } from "recurra/onnx";
import { serveGraphs } from "recurra/pool";

serveGraphs(openGraph);
