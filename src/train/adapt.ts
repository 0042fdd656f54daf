/** What a recipe says about which parameters a model has and which are trained, as a scope that the model is built from. */
import type { Scope } from '../engine/index.ts';
import { freeze, withLora } from '../nn/index.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Trainable } from './trainable.ts';

/** The scope with the recipe's LoRA adapter and frozen parameters. Training and evaluation must see the same model. */
export function adapted(
  s: Scope,
  recipe: Pick<Recipe, 'freeze' | 'lora'>,
  { parameters }: Pick<Trainable, 'parameters'> = {},
): Scope {
  const { lora } = recipe;
  const base = lora ? withLora(s, { ...lora, alpha: lora.alpha ?? lora.rank }) : s;
  return recipe.freeze.length > 0 ? freeze(base, recipe.freeze, parameters?.keys()) : base;
}
