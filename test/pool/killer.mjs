// The script of a worker that ends itself before it scores a text with "aa", or pushes token 10.
import "./deadly.mjs";
import "recurra/pool/worker";
