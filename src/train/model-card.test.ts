import { expect, test } from 'vitest';
import { modelCard } from './index.ts';

const full = {
  name: 'clip-tiny',
  summary: 'Two towers, one temperature.',
  license: 'apache-2.0',
  tags: ['clip', 'on'],
  pipelineTag: 'zero-shot-image-classification',
  baseModel: 'openai/clip-vit-base-patch32',
  datasets: ['tabletop'],
  results: [
    {
      task: 'image-to-text',
      dataset: 'tabletop: held-out',
      split: 'test',
      metrics: { 'text_to_image_R@1': 0.412345678, top5: 1 },
    },
    { task: 'image-classification', dataset: 'icons', metrics: { loss: Number.NaN, rate: 1e-7 } },
  ],
  usage: 'bow2bot search photos.index "a red block"',
  procedure: { parameters: 4194304, seconds: 311.25, device: 'cpu | webgpu' },
  recipe: { batch: 64, note: '```' },
  citation: 'Radford et al. 2021, arXiv:2103.00020',
};

test('the head is what the hub reads', () => {
  const head = modelCard(full).split('---\n')[1];
  expect(head).toBe(`license: apache-2.0
library_name: bow2bot
pipeline_tag: zero-shot-image-classification
base_model: openai/clip-vit-base-patch32
tags:
  - bow2bot
  - clip
  - "on"
datasets:
  - tabletop
metrics:
  - "text_to_image_R@1"
  - top5
  - loss
  - rate
model-index:
  - name: clip-tiny
    results:
      - task:
          type: image-to-text
        dataset:
          type: "tabletop: held-out"
          name: "tabletop: held-out"
          split: test
        metrics:
          - type: "text_to_image_R@1"
            value: 0.412345678
            name: "text_to_image_R@1"
          - type: top5
            value: 1
            name: top5
      - task:
          type: image-classification
        dataset:
          type: icons
          name: icons
        metrics:
          - type: loss
            value: .nan
            name: loss
          - type: rate
            value: 1.0e-7
            name: rate
`);
});

test('the sections stand in order, tables and code cannot be broken out of', () => {
  const text = modelCard(full);
  const titles = [...text.matchAll(/^## (.*)$/gm)].map((m) => m[1]);
  expect(titles).toEqual([
    'Use',
    'Intended use',
    'Limits',
    'Training data',
    'Training procedure',
    'Evaluation',
    'Citation',
  ]);
  expect(text).toContain('| image-to-text | tabletop: held-out | test | text_to_image_R@1 | 0.41235 |');
  expect(text).toContain('| device | cpu \\| webgpu |');
  expect(text).toContain('````json\n{\n  "batch": 64');
});

test('what is not known is said to be unknown', () => {
  const text = modelCard({ name: 'x' });
  expect(text).toMatch(/^---\nlicense: unknown\nlibrary_name: bow2bot\ntags:\n {2}- bow2bot\n---\n\n# x\n/);
  expect(text).toContain('## Evaluation\n\nNot evaluated.');
  expect(text).not.toContain('undefined');
});
