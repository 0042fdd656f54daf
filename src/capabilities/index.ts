/** What systems can do, as small interfaces: everything above the systems is written against these and asks `can`, never for a name. */
export {
  type Acts,
  type Answers,
  type CallOptions,
  type Capabilities,
  type Captions,
  can,
  type DenseVectors,
  type EncodesImages,
  type EncodesText,
  type OpenSystem,
  type Plans,
  type Ranks,
  type RgbImage,
  type ScoresPairs,
  type Vectors,
} from './capabilities.ts';
