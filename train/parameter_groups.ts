/** Multiples for parameters whose name contains `key`; a multiple left out is 1. */
export interface ParameterRule {
  key: string;
  lrMultiple?: number | undefined;
  decayMultiple?: number | undefined;
}

/** The optimiser's base values and the rules on top of them. */
export interface ParameterRules {
  lr: number;
  weightDecay: number;
  rules: ParameterRule[];
}

/** What AdamW uses for one parameter; `lr` is the base that the schedule starts from. */
export interface ParameterSetting {
  lr: number;
  weightDecay: number;
}

/**
 * Learning rate and weight decay of each parameter, by name. The first rule whose key occurs in the name
 * applies, alone; longer keys come first, equally long ones in alphabetical order (mmcv's parameter-wise
 * configuration, which the release uses).
 */
export function parameterSettings(names: string[], base: ParameterRules): Map<string, ParameterSetting> {
  const rules = base.rules.toSorted(
    (a, b) => b.key.length - a.key.length || (a.key < b.key ? -1 : Number(a.key > b.key)),
  );
  return new Map(
    names.map((name) => {
      const rule = rules.find(({ key }) => name.includes(key));
      const lr = base.lr * (rule?.lrMultiple ?? 1);
      return [name, { lr, weightDecay: base.weightDecay * (rule?.decayMultiple ?? 1) }];
    }),
  );
}
