/** Search: ranking from inverted indexes and by vectors, conditions on fields, fusion of rankings. What touches files is in `search/node`. */
export { exactIndex } from './exact-index.ts';
export { checkFilter, type FieldType, type FieldTypes, fieldType, fieldTypes } from './field-types.ts';
export { type Comparison, type Fields, type FieldValue, type Filter, matches, parseFilter } from './filter.ts';
export { type Fused, reciprocalRankFusion } from './fusion.ts';
export { type Hit, topK } from './top-k.ts';
export { unitRows, type VectorHit, type VectorIndex, type VectorQuery, type VectorRows } from './vector-index.ts';
