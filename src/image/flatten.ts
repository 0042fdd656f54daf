/** From whatever channels a decoder gives to RGB. */

/**
 * RGB of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) interleaved channels. What is transparent is laid over white: round(c·a + 255·(1 − a)).
 * DIFFERS from Pillow's `convert('RGB')`, which drops alpha and shows whatever colour lies under it, mostly black: docs/decisions/0040.
 */
export function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const n = data.length / channels;
  const out = new Uint8Array(3 * n);
  const alpha = channels === 2 || channels === 4;
  const colours = channels > 2 ? 1 : 0; // step between colours: grey is all three
  for (let i = 0; i < n; i++) {
    const from = i * channels;
    const a = alpha ? data[from + channels - 1]! : 255;
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round((data[from + c * colours]! * a) / 255 + 255 - a);
  }
  return out;
}

/** RGB of CMYK, 0 no ink, as Pillow converts (libImaging/Convert.c, cmyk2rgb): (255 − c)(255 − k) / 255, rounded as MULDIV255 does. */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const n = cmyk.length / 4;
  const out = new Uint8Array(3 * n);
  for (let i = 0; i < n; i++) {
    const light = 255 - cmyk[4 * i + 3]!;
    for (let c = 0; c < 3; c++) {
      const t = cmyk[4 * i + c]! * light + 128;
      out[3 * i + c] = light - (((t >> 8) + t) >> 8);
    }
  }
  return out;
}
