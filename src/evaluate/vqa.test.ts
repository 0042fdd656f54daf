import { expect, test } from 'vitest';
import { answerScores, normaliseAnswer, vqaAccuracy } from './index.ts';

// Computed by the official evaluation code (GT-Vision-Lab/VQA, vqaEval.py).
const normalised: [string, string][] = [
  ...([
    ['The Cube.', 'cube'],
    ['two', '2'],
    ['none', '0'],
    ['Ten', '10'],
    ['a red, blue cube', 'red blue cube'],
  ] as [string, string][]),
  ...([
    ['1,000', '1000'],
    ['1,000 dogs; cats', '1000 dogs cats'],
    ['3.5', '3.5'],
    ['3. 5', '3 5'],
    ['U.S.A.', 'usa'],
  ] as [string, string][]),
  ...([
    ["don't", "don't"],
    ['dont', "don't"],
    ['cant', "can't"],
    ["couldn'tve", "couldn't've"],
    ["couldnt've", "couldn't've"],
  ] as [string, string][]),
  ...([
    ["hadnt've", "hadn't've"],
    ["ow's'at", "'ow's'at"],
    ["somebody'd", 'somebodyd'],
    ['left/right', 'left right'],
  ] as [string, string][]),
  ...([
    ['left / right', 'left right'],
    ['an apple?', 'apple'],
    ['(yes)', 'yes'],
    ['yes!', 'yes'],
    ['  NO\n', 'no'],
    ["it's", "it's"],
  ] as [string, string][]),
  ...([
    ["what's up", "what's up"],
    ['whats', "what's"],
    ["it is 5 o'clock", "it is 5 o'clock"],
    ['5 oclock', "5 o'clock"],
  ] as [string, string][]),
  ...([
    ['a-b', 'b'],
    ['x_y', 'x y'],
    ['t shirt', 't shirt'],
    ['zero', '0'],
    ['the the', ''],
    ['', ''],
    ['twas', "'twas"],
  ] as [string, string][]),
  ...([
    ["yall'd've", "y'all'd've"],
    ["y'alld've", "y'all'd've"],
    ['hello@there', 'hello there'],
    ['?', ''],
  ] as [string, string][]),
  ...([
    ['sign: stop', 'sign: stop'],
    ['"stop"', 'stop'],
    ['1,2,3', '123'],
    ['10,000.5 m.', '10000.5 m'],
  ] as [string, string][]),
];

test.each(normalised)('%j is normalised to %j', (answer, wanted) => expect(normaliseAnswer(answer)).toBe(wanted));

const times = (n: number, answer: string): string[] => Array.from({ length: n }, () => answer);
const judged: [string, string[], number][] = [
  ['yes', times(10, 'yes'), 1],
  ['yes', [...times(3, 'yes'), ...times(7, 'no')], 0.9],
  ['yes', [...times(2, 'yes'), ...times(8, 'no')], 0.6],
  ['Yes.', ['yes', ...times(9, 'no')], 0.3],
  ['two', [...times(4, '2'), ...times(6, '3')], 1],
  ['2', times(10, 'two'), 1], // the official code, which leaves unanimous answers as they are, has 0 here
  ['red, blue', [...times(5, 'red, blue'), ...times(5, 'blue')], 1],
  ['maybe', times(10, 'yes'), 0],
  ['the cube', [...times(4, 'cube.'), ...times(6, 'cube')], 1],
];

test.each(judged)('the answer %j of annotators %j', (answer, given, wanted) =>
  expect(vqaAccuracy(answer, given)).toBeCloseTo(wanted, 12),
);

test('training targets are shares of annotators', () => {
  const scores = answerScores([...times(2, 'red'), 'Red.', ...times(1, 'dark red'), ...times(6, 'blue')]);
  expect(scores.map(([answer, score]) => [answer, Number(score.toFixed(3))])).toEqual([['blue', 1], ['red', 0.9], ['dark red', 0.3]]); // biome-ignore format: one line
  expect(answerScores(['two'])).toEqual([['two', 1]]);
});
