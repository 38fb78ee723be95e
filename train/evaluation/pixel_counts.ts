import type { Engine } from '../../engine/engine.ts';
import { addConfusion } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { addCounts, type ConfusionMatrix, confusionMatrix } from './metrics.ts';

/** The highest count that an entry on the GPU can hold. */
const mostPixels = 2 ** 32 - 1;

/**
 * A confusion matrix that is filled on the GPU. Its 32-bit counts move to the host before they could overflow, which
 * COCO-Stuff's 1.5e9 pixels come near and larger sets exceed.
 */
export class PixelCounts {
  private readonly total: ConfusionMatrix;
  private readonly engine: Engine;
  private readonly most: number;
  private matrix: Tensor;
  private pending = 0;

  /** @param most pixels that the GPU may hold; no image may have more. */
  constructor(engine: Engine, classes: number, most = mostPixels) {
    this.engine = engine;
    this.most = most;
    this.total = confusionMatrix(classes);
    this.matrix = this.zeros();
  }

  /** Makes room for an image of so many pixels; to be called before {@link add}, outside any scope. */
  async reserve(pixels: number): Promise<void> {
    if (this.pending + pixels > this.most) {
      await this.drain();
      this.matrix = this.zeros();
    }
    this.pending += pixels;
  }

  /** Counts an image: both (1, H, W), u32; labels that are no class do not count. */
  add(prediction: Tensor, truth: Tensor): void {
    addConfusion({ prediction, truth, matrix: this.matrix });
  }

  /** All counts; ends the counting. */
  async take(): Promise<ConfusionMatrix> {
    await this.drain();
    return this.total;
  }

  private async drain(): Promise<void> {
    addCounts(this.total, await this.matrix.read());
    this.matrix.dispose();
    this.pending = 0;
  }

  private zeros(): Tensor {
    const { classes } = this.total;
    return this.engine.zeros([classes, classes], 'u32');
  }
}
