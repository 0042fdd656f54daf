/** The part of the image room that needs Node: picture files decoded. */
export {
  type DecodeOptions,
  type DecoderName,
  decodePicture,
  pictureDecoder,
  type RgbPicture,
} from './decode.ts';
