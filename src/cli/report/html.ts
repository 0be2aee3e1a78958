import type { ReportData } from "./data.js";

/** The script and the style of the page, put here when the command is built. */
declare const REPORT_SCRIPT: string;
declare const REPORT_STYLE: string;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string => text.replace(/[&<>]/g, (c) => ENTITIES[c] as string);

/** JSON inside a script element, which ends at the first `</script`, wherever that stands. */
const embedded = (data: ReportData): string => JSON.stringify(data).replaceAll("<", "\\u003c");

/** The page: one file that needs no network, and runs no script but its own. */
export function htmlOf(data: ReportData): string {
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<title>${escaped(data.title)}</title>
<link rel="icon" href="data:,">
<!-- The charts are drawn by uPlot, (c) 2022 Leon Sorokin, MIT License: https://github.com/leeoniya/uPlot -->
<style>${REPORT_STYLE}</style>
</head>
<body>
<noscript>The report is drawn by a script, which is switched off here.</noscript>
<script type="application/json" id="data">${embedded(data)}</script>
<script type="module">${REPORT_SCRIPT}</script>
</body>
</html>
`;
}
