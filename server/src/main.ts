#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command } from "commander";
import { serve } from "./http/serve.js";
import { jobCommand } from "./jobs/command.js";
import { Problem } from "./problem.js";
import { addOptions, SettingsError, settingsFrom } from "./settings.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const program = addOptions(
  new Command("recurra-server")
    .description("Serves recurrent networks over HTTP and WebSocket.")
    .version(version)
    .showHelpAfterError("(--help lists all options)"),
).action(async (options: Record<string, unknown>) => {
  await serve(settingsFrom(options));
});

// `job` has options of its own, by names that the service has, too.
program.enablePositionalOptions().addCommand(jobCommand());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof SettingsError) && !(error instanceof Problem)) throw error;
  console.error(`recurra-server: ${error.message}`);
  process.exitCode = 2;
}
