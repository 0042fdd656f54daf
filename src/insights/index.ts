/** Claims of the papers, re-run as experiments with controls: the only room above the systems that may name them. */
export {
  type Arm,
  type Check,
  type Insight,
  type InsightOptions,
  type InsightReport,
  type InsightResult,
  markdown,
  runInsight,
} from './insight.ts';
export { insights } from './registry.ts';
