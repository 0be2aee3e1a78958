// An empty process: the time of Node itself.
export {};
