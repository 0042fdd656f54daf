/** Recipes from files. */
import { BowError } from '../../base/index.ts';
import { readText } from '../../base/node/index.ts';
import { isPlain, type Json } from '../json-tree.ts';
import { parseRecipe, type RecipeSources } from '../recipe.ts';
import type { Recipe, RecipeInput } from '../recipe-schema.ts';

/** A recipe as a JSON file has it, or standard input when the path is `-`. Error `config` for what is not a JSON object. */
export async function readRecipeFile(path: string): Promise<RecipeInput> {
  const text = path === '-' ? await readStandardInput() : await readText(path);
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (e) {
    throw new BowError('config', `not valid JSON: ${(e as Error).message}`, { place: path, cause: e });
  }
  if (!isPlain(tree as Json)) throw new BowError('config', 'a recipe is a JSON object', { place: path });
  return tree as RecipeInput;
}

/** Reads a recipe from a file and completes it. Errors: as {@link readRecipeFile} and `parseRecipe`. */
export async function readRecipe(path: string, o: RecipeSources = {}): Promise<Recipe> {
  return parseRecipe(await readRecipeFile(path), { place: path, ...o });
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
