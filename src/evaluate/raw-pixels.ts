/** The control of linear probes: pixels as features. */
import { resizePixels } from '../image/index.ts';
import type { Contender } from './ladder.ts';

const SIDE = 16;

/** Images as their {@link SIDE} × {@link SIDE} pixels from −0.5 to 0.5: what a probe finds without any model. */
export const rawPixels: Contender = {
  title: `(raw pixels, ${SIDE} × ${SIDE})`,
  control: true,
  open: async () => ({
    id: 'raw-pixels',
    close: async () => {},
    encodeImages: async (images) => {
      const width = 3 * SIDE * SIDE;
      const data = new Float32Array(images.length * width);
      images.forEach((p, i) => {
        const small = resizePixels(p, { width: SIDE, height: SIDE }, { filter: 'bilinear' });
        small.data.forEach((x, k) => {
          data[i * width + k] = x / 255 - 0.5;
        });
      });
      return { rows: images.length, width, data };
    },
  }),
};
