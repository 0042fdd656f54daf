/** Pictures: file formats. Runs in Node and in the browser. */
export { encodeGif } from './gif.ts';
export { decodePng, encodePng, type Picture } from './png.ts';
