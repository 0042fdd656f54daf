// `npm run build`: compiles `src` to `dist`.
import { build } from './ensure-installed.mjs';

build();
