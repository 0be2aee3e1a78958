#!/usr/bin/env node
// Stands in the repository, unlike what is built, so that npm links the command when it installs a clone.
import "../dist/main.js";
