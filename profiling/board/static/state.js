// What is chosen, and what follows from it: runs, basis, place, sliders.

import { grown, time } from "./terms.js";

export const UNTOUCHED = { compute: 1, memory: 1, on_chip: 1, links: 1, overhead: 1 };
const USUAL_CHIP = "TPU v5e";
const RUN = "./run?name=";

/** The JSON at `address`; its own sentence is thrown where the server says one. */
export async function read(address) {
  const answer = await fetch(address);
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.error ?? `TensorBoard answered ${answer.status}.`);
  return found;
}

export class State {
  constructor(listed) {
    this.listed = listed; // {logdir, runs, problems}
    this.runs = [null, null];
    this.wanted = ["", ""];
    this.basis = "floor";
    this.place = "";
    this.chip = undefined;
    this.beside = new Set();
    this.factors = { ...UNTOUCHED };
  }

  /** Take the run `name` as A (0) or B (1); "" is none. */
  async choose(index, name) {
    this.wanted[index] = name;
    const run = name ? await read(RUN + encodeURIComponent(name)) : null;
    if (this.wanted[index] !== name) return; // another was chosen meanwhile
    this.runs[index] = run;
    if (index > 0 || !this.runs[0]) return;
    if (!this.runs[0][this.basis].length || !this.place) {
      this.basis = this.runs[0].predicted.length ? "predicted" : "floor";
    }
    this.settle();
  }

  /** Stay on the place, or its chip, or go to the usual one. */
  settle() {
    const places = this.places();
    if (places.some((each) => each.name === this.place)) return;
    const next = places.find((each) => each.chip === this.chip)
      ?? places.find((each) => each.chip === USUAL_CHIP) ?? places[0];
    this.go(next?.name ?? "");
  }

  go(name) {
    this.place = name;
    this.chip = this.places().find((each) => each.name === name)?.chip;
  }

  places() {
    return this.runs[0] ? this.runs[0][this.basis] : [];
  }

  /** The place in `run`; where it has another slice of the same chip, that. */
  chosen(run = this.runs[0]) {
    const places = run?.[this.basis] ?? [];
    return places.find((each) => each.name === this.place)
      ?? places.find((each) => each.chip === this.chip);
  }

  get moved() {
    return Object.values(this.factors).some((each) => each !== 1);
  }

  /** The runs that have the place: their phases before and after the sliders. */
  shown() {
    return this.runs.filter((run) => run && this.chosen(run)).map((run) => {
      const place = this.chosen(run);
      const counted = new Map(run.phases.map((p) => [p.phase, p]));
      return {
        run: run.run,
        device: run.device,
        thought: run.thought,
        place,
        phases: place.phases.map((p) => ({
          phase: p.phase,
          tokens: counted.get(p.phase)?.tokens ?? 0,
          measured_s: counted.get(p.phase)?.measured_s ?? null,
          flops: p.flops,
          intensity: p.hbm_bytes > 0 ? p.flops / p.hbm_bytes : 0,
          before: p.terms,
          interval: p.low_s === null ? null : [p.low_s, p.high_s],
          terms: grown(p.terms, this.factors),
        })),
      };
    });
  }

  /** FLOP/s and bytes/s of one chip of the place under the sliders; null where not known. */
  roof(place) {
    if (!place.peak_flops) return null;
    const before = { name: place.chip, peak: place.peak_flops, bandwidth: place.hbm_bandwidth };
    return {
      ...before,
      before,
      peak: before.peak * this.factors.compute,
      bandwidth: before.bandwidth * this.factors.memory,
    };
  }
}

/** Seconds of phases one after another. */
export const total = (phases, of = (p) => p.terms) =>
  phases.reduce((sum, p) => sum + time(of(p)), 0);
