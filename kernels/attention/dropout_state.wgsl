// The generator's state; not read where nothing is dropped, since the buffer is a stand-in then.
fn dropoutState() -> vec4u {
  if (dims.threshold == 0) { return vec4u(0); }
  return vec4u(random[0], random[1], random[2], 0);
}
