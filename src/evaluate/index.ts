/** Measuring systems and claims. */
export {
  type Arm,
  type Check,
  type Insight,
  type InsightOptions,
  type InsightReport,
  type InsightResult,
  markdown,
  runInsight,
} from './insights/insight.ts';
export { insights } from './insights/registry.ts';
