// The script of a worker that never answers.
setInterval(() => undefined, 1000);
