import type { Captured, Engine } from '../../engine/engine.ts';
import { NonFiniteError } from '../../engine/errors.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { clipDivisor, concat, logStep, slice } from '../../engine/ops/index.ts';
import { type Tensor, tensorsIn } from '../../engine/tensor.ts';
import { type CaptionedBatch, type ClipConfig, contrastiveLoss } from '../../model/clip.ts';
import type { ParameterStore } from '../../model/store.ts';
import { AdamW } from '../optimizer.ts';
import { StepState } from '../step_state.ts';
import { type BatchOptions, crowdSettings, type HostBatch } from './batch.ts';
import type { PretrainSettings } from './settings.ts';

/** What one step gave. */
export interface StepLoss {
  /** InfoNCE of the class tokens. */
  global: number;
  /** InfoNCE of the pooled patches. */
  patches: number;
  total: number;
  /** Norm of all gradients before clipping. */
  gradientNorm: number;
}

interface TrainerOptions {
  engine: Engine;
  config: ClipConfig;
  store: ParameterStore;
  settings: PretrainSettings;
  batch: Pick<BatchOptions, 'batch' | 'size' | 'crowd'>;
  /** Highest learning rate. */
  lr: number;
}

/** The optimiser of a stage. Biases, norms, embeddings and the logit scale do not decay. */
function stageOptimizer(
  engine: Engine,
  store: ParameterStore,
  { betas, eps, weightDecay }: PretrainSettings['optim'],
  lr: number,
): AdamW {
  const rules = ['bias', 'ln_', 'embedding', 'logit_scale'].map((key) => ({ key, decayMultiple: 0 }));
  return new AdamW(engine, store.trainable, { lr, weightDecay, rules, betas, eps });
}

/**
 * Runs contrastive steps of one stage. Every buffer that the host writes is made once, and a step's dispatches are
 * recorded once: from then on a step uploads its batch and submits that list, with at most one step in flight.
 */
export class ContrastiveTrainer {
  readonly optimizer: AdamW;
  private readonly options: TrainerOptions;
  private readonly batch: CaptionedBatch;
  private readonly state: StepState;
  private captured: Captured | null = null;

  /** @param from the step that comes first. */
  constructor(options: TrainerOptions, from: number) {
    const { engine, config, store, settings, lr, batch: sizes } = options;
    const { objects, captions } = crowdSettings[sizes.crowd];
    const rows = sizes.batch * captions;
    this.options = options;
    this.optimizer = stageOptimizer(engine, store, settings.optim, lr);
    this.batch = {
      image: engine.zeros([sizes.batch, 3, sizes.size, sizes.size]),
      tokens: {
        ids: engine.zeros([rows, config.text.contextLength], 'u32'),
        ends: engine.zeros([rows], 'u32'),
      },
      imageConcepts: engine.zeros([sizes.batch, objects], 'u32'),
      captionConcepts: engine.zeros([rows], 'u32'),
    };
    const steps = settings.stage1.steps + settings.stage2.steps;
    this.state = new StepState(engine, Math.min(settings.train.logInterval, steps), from);
  }

  /** Submits one step at a share of the highest learning rate. */
  async step(step: number, data: HostBatch, rateShare: number): Promise<void> {
    const { engine } = this.options;
    await engine.throttle();
    this.batch.image.write(data.images);
    this.batch.tokens.ids.write(data.tokens);
    this.batch.tokens.ends.write(data.ends);
    this.batch.imageConcepts.write(data.imageConcepts);
    this.batch.captionConcepts.write(data.captionConcepts);
    this.state.random.write(Uint32Array.of(0, 0, step, 0));
    this.optimizer.begin((base) => rateShare * base);
    this.captured ??= engine.capture(() => this.record());
    this.captured.submit();
  }

  /**
   * Waits for the submitted steps and gives the losses of those since the last report, `logInterval` at most.
   * @throws NonFiniteError when a loss or gradient was not finite; no parameter was changed from that step on.
   */
  async report(done: number): Promise<StepLoss[]> {
    const rows = await this.state.read(done);
    if ('bad' in rows) {
      throw new NonFiniteError(
        `step ${rows.bad + 1}: the loss or a gradient is not finite`,
        'No parameter was changed by this step and the last checkpoint stays. Lower stage1.lr or stage2.lr.',
      );
    }
    return rows.map(({ values: [global, patches, total, gradientNorm] }) => ({
      global,
      patches,
      total,
      gradientNorm,
    }));
  }

  /** Gives all buffers of the stage back but those of the parameters. */
  dispose(): void {
    this.captured?.release();
    this.captured = null;
    this.optimizer.dispose();
    this.state.dispose();
    for (const tensor of tensorsIn(this.batch)) tensor.dispose();
  }

  private record(): void {
    const { engine, config, store, settings } = this.options;
    const { value, aux, grads } = valueAndGrad(engine, store.trainable, () => {
      const loss = contrastiveLoss(engine, this.batch, store, config, settings.loss.tau);
      return [loss.total, loss] as const;
    });
    const clip = clipDivisor({ grads: this.optimizer.gather(grads), maxNorm: settings.optim.maxNorm });
    const norm = slice({ x: clip, axis: 0, start: 1, length: 1 });
    const parts: Tensor[] = [aux.global, aux.patches, value, norm];
    const { random, ring, health } = this.state;
    logStep({ loss: concat({ parts, axis: 0 }), state: random, ring, health });
    this.optimizer.update(clip, health);
  }
}
