// The script of a pool's worker in a page whose bundler does not find the package's own.
import "recurra/pool/worker";
