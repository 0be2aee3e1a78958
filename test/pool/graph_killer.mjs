// The script of a graph's worker that ends itself before it runs the number 666.
import "./deadly.mjs";
import "./graph_worker.mjs";
