/** The part of the image room that needs Node: image files decoded. */
export {
  type DecodeOptions,
  type DecoderName,
  decodeImage,
  imageDecoder,
  type RgbImage,
} from './decode.ts';
