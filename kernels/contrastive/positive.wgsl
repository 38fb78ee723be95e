// Whether a caption names one of an image's concepts. Unused concept slots hold 0xffffffff, which matches nothing.
fn positive(image: u32, caption: u32) -> bool {
  let wanted = caption_concepts[caption];
  let concepts = dims.concepts;
  var found = false;
  for (var k = 0u; k < concepts; k++) { found = found || image_concepts[image * concepts + k] == wanted; }
  return found && wanted != 0xffffffffu;
}
