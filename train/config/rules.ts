import type { ModelConfig } from '../../model/config.ts';
import { embeddedRoot } from './presets.ts';
import type { RunConfig } from './schema.ts';

/** A setting that contradicts another one. */
export interface Conflict {
  path: string;
  message: string;
}

/** Columns that one head of attention may have; the kernels hold no more in registers. */
export const widestHead = 128;

/** The conflicts between settings that are each valid alone; only those that no run could work with. */
export function checkTogether(config: RunConfig): Conflict[] {
  const { data, eval: evaluation, model, schedule, train } = config;
  const { vision, prompts, decoder } = model;
  const conflicts: Conflict[] = [];
  const wanted = (holds: boolean, path: string, message: string) => {
    if (!holds) conflicts.push({ path, message });
  };
  wanted(
    vision.width % vision.heads === 0,
    'model.vision.heads',
    `${vision.heads} heads do not divide model.vision.width ${vision.width}`,
  );
  wanted(
    vision.width <= widestHead * vision.heads,
    'model.vision.heads',
    `${vision.heads} heads of model.vision.width ${vision.width} are wider than ${widestHead} columns each`,
  );
  wanted(
    vision.embedDim % decoder.heads === 0,
    'model.decoder.heads',
    `${decoder.heads} heads do not divide model.vision.embedDim ${vision.embedDim}`,
  );
  wanted(
    vision.embedDim <= widestHead * decoder.heads,
    'model.decoder.heads',
    `${decoder.heads} heads of model.vision.embedDim ${vision.embedDim} are wider than ${widestHead} columns each`,
  );
  wanted(
    vision.resolution % vision.patch === 0,
    'model.vision.resolution',
    `${vision.resolution} is no multiple of model.vision.patch ${vision.patch}`,
  );
  wanted(
    prompts.deep <= vision.layers - 1,
    'model.prompts.deep',
    `${prompts.deep} is more than the ${vision.layers - 1} blocks after the first`,
  );
  const stages = stagesProblem(model);
  wanted(stages === null, 'model.stages', stages ?? '');
  wanted(
    data.crop >= vision.patch,
    'data.crop',
    `${data.crop} is smaller than model.vision.patch ${vision.patch}`,
  );
  wanted(
    data.scale[0] >= data.scale[1],
    'data.scale',
    `long side ${data.scale[0]} is smaller than short side ${data.scale[1]}`,
  );
  wanted(
    data.ratio[0] <= data.ratio[1],
    'data.ratio',
    `least ${data.ratio[0]} is more than most ${data.ratio[1]}`,
  );
  wanted(
    !data.embedded || data.root === embeddedRoot(data.crop),
    'data.root',
    `${data.root} with data.embedded, whose scenes of data.crop ${data.crop} pixels lie in ${embeddedRoot(data.crop)}`,
  );
  wanted(
    evaluation.crop >= vision.patch,
    'eval.crop',
    `${evaluation.crop} is smaller than model.vision.patch ${vision.patch}`,
  );
  wanted(
    evaluation.shortSide >= vision.patch,
    'eval.shortSide',
    `${evaluation.shortSide} is smaller than model.vision.patch ${vision.patch}`,
  );
  wanted(
    evaluation.stride <= evaluation.crop,
    'eval.stride',
    `${evaluation.stride} is more than eval.crop ${evaluation.crop}: pixels would be left out`,
  );
  wanted(
    train.stopAt === null || train.stopAt <= schedule.maxIters,
    'train.stopAt',
    `${train.stopAt} is more than schedule.maxIters ${schedule.maxIters}`,
  );
  return conflicts;
}

/** Why the stages do not fit the blocks; null where they do. */
function stagesProblem({ stages, vision }: ModelConfig): string | null {
  const text = JSON.stringify(stages);
  if (stages.length === 0) return 'no stage; at least one is needed';
  if (stages.some((stage) => stage.length === 0)) return `a stage of ${text} holds no block`;
  const blocks = stages.flat();
  if (blocks.some((block, index) => index > 0 && block <= blocks[index - 1]!)) {
    return `block indices of ${text} do not increase`;
  }
  const last = vision.layers - 1;
  return blocks.at(-1) === last
    ? null
    : `${text} ends with block ${blocks.at(-1)}, wanted the last block ${last}`;
}
