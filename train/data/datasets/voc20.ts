import { type DatasetInfo, defineDataset } from './define.ts';

/** Pascal VOC 2012 (Everingham et al. 2010) without its background; split of the Cascade-CLIP release. */
export const voc20: DatasetInfo = defineDataset({
  name: 'voc20',
  title: 'Pascal VOC 2012',
  firstClassValue: 1,
  promptTokens: 10,
  classes: `
    aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, motorbike,
    person, pottedplant, sheep, sofa, train, tvmonitor`,
  novel: 'pottedplant, sheep, sofa, train, tvmonitor',
  palette: `
    800000 008000 808000 000080 800080 008080 808080 400000 c00000 408000 c08000 400080 c00080 408080
    c08080 004000 804000 00c000 80c000 004080`,
});
