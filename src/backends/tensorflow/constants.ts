/** Tensors that do not change from step to step: made once, kept until the device closes. */
import type { Context, Tf, TfTensor } from "./lowering.ts";

export class Constants implements Context {
  readonly tf: Tf;
  readonly #known = new Map<string, TfTensor>();

  constructor(tf: Tf) {
    this.tf = tf;
  }

  readonly constant = (name: string, make: () => TfTensor): TfTensor => {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const made = this.tf.keep(this.tf.tidy(make));
    this.#known.set(name, made);
    return made;
  };

  close(): void {
    this.tf.dispose([...this.#known.values()]);
    this.#known.clear();
  }
}
