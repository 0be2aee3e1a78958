const recurra = require("recurra");
const { golden } = require("./golden.cjs");

recurra
  .createEngine()
  .then((engine) => golden(recurra, engine))
  .then((text) => process.stdout.write(text));
