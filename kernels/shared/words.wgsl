// Four stored values and the words that hold them, for sources with `store_t` and `store_words`.
fn four(words: store_words) -> vec4f { return vec4f(bitcast<vec4<store_t>>(words)); }
fn words(values: vec4f) -> store_words { return bitcast<store_words>(vec4<store_t>(values)); }
