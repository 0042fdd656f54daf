/** Recipes from files. */
import { BowError } from '../../base/index.ts';
import { readText } from '../../base/node/index.ts';
import { isPlain, type Json, type JsonTree } from '../json-tree.ts';
import { parseRecipe, type RecipeSources } from '../recipe.ts';
import type { Recipe } from '../recipe-schema.ts';

/** Reads a recipe from a JSON file, or from standard input when the path is `-`. */
export async function readRecipe(path: string, o: RecipeSources = {}): Promise<Recipe> {
  const text = path === '-' ? await readStandardInput() : await readText(path);
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (e) {
    throw new BowError('config', `not valid JSON: ${(e as Error).message}`, { place: path, cause: e });
  }
  if (!isPlain(tree as Json)) throw new BowError('config', 'a recipe is a JSON object', { place: path });
  return parseRecipe(tree as JsonTree, { place: path, ...o });
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
