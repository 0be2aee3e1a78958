/** The samples of a WAV file, the first channel, in −1 … 1. 16-bit PCM at 16 kHz, as Silero VAD takes it. */
export function readWav(file: Uint8Array): Float32Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tag = (at: number): string => String.fromCharCode(...file.subarray(at, at + 4));
  if (file.length < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") throw new Error("no WAV file");
  let channels = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (tag(at) === "fmt " && size >= 16) {
      channels = view.getUint16(body + 2, true);
      const [format, rate, bits] = [
        view.getUint16(body, true),
        view.getUint32(body + 4, true),
        view.getUint16(body + 14, true),
      ];
      if (format !== 1 || bits !== 16 || rate !== 16_000 || channels < 1) {
        throw new Error(
          `expected 16-bit PCM at 16000 Hz, got format ${format}, ${bits} bits, ${rate} Hz: ` +
            "convert it with sox IN.wav -r 16000 -b 16 -c 1 OUT.wav",
        );
      }
    }
    if (tag(at) === "data" && channels > 0) {
      const count = Math.floor(Math.min(size, file.length - body) / 2 / channels);
      return Float32Array.from({ length: count }, (_, i) => {
        return view.getInt16(body + 2 * i * channels, true) / 32768;
      });
    }
    at = body + size + (size % 2);
  }
  throw new Error("a WAV file without samples");
}
