import { expect, test } from 'vitest';
import { annotationsOf, imageFinder, type QuestionRow, questionRecords } from './index.ts';

const rows = (...values: unknown[]): QuestionRow[] => values.map((value, i) => ({ place: `f:${i + 1}`, value }));

test('layouts of questions', () => {
  const annotations = annotationsOf(
    rows({ question_id: 7, answer_type: 'number', answers: [{ answer: '2' }, { answer: 'two' }] }),
  );
  expect(questionRecords(rows({ question_id: 7, image_id: 262148, question: 'How many?' }), annotations)).toEqual([
    { place: 'f:1', text: 'How many?', images: ['262148'], answers: ['2', 'two'], kind: 'number' },
  ]);
  const found = questionRecords(
    rows(
      ['what shape?', 'circle', 3],
      { question: 'what shape?', answer: 'circle', image: '0.png' },
      { sentence: 'There is a tower.', label: 'True', identifier: 'dev-850-0-1' },
      { sentence: 'one is red', label: false, left: 'a', right: 'b' },
      { question: 'how many?', answers: [2, '3'], images: ['x', 'y'], type: 'count' },
    ),
  );
  expect(found.map(({ place, ...r }) => r)).toEqual([
    { text: 'what shape?', answers: ['circle'], images: ['3'] },
    { text: 'what shape?', answers: ['circle'], images: ['0.png'] },
    { text: 'There is a tower.', answers: ['true'], images: ['dev-850-0-img0', 'dev-850-0-img1'], kind: 'statement', group: 'dev-850-0' }, // biome-ignore format: one line
    { text: 'one is red', answers: ['false'], images: ['a', 'b'], kind: 'statement' },
    { text: 'how many?', answers: ['2', '3'], images: ['x', 'y'], kind: 'count' },
  ]);
});

test.each([
  [{ answer: 'x', image: 'a' }, /f:1.*a row without a question|a row without a question/],
  [{ question: ' ', answer: 'x', image: 'a' }, /an empty question/],
  [{ question: 'q', image: 'a' }, /a question without an answer/],
  [{ question: 'q', answer: 'x' }, /a row without an image/],
  [['q', 'a'], /not \[question, answer, image\]/],
  ['q', /neither an object nor a list/],
] as [unknown, RegExp][])('%j is refused', (value, why) => expect(() => questionRecords(rows(value))).toThrow(why));

test('images are found by id, without folders, endings or zeros; a name of two fits none', () => {
  const find = imageFinder(['train/COCO_val2014_000000262148.jpg', 'a/0.png', 'a/1.png', 'b/1.png']);
  expect(['262148', '0', '0.png', 'a/0.png', 'x/0.jpg', '1', 'b/1', 'zzz'].map(find)).toEqual([0, 1, 1, 1, 1, undefined, 3, undefined]); // biome-ignore format: one line
});
