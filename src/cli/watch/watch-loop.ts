/**
 * Watches and runs: one run at a time, each a process of its own, followed by its events. After an edit the plan is
 * asked anew; a run whose stages work on what is no longer wanted is stopped gently, and another follows it.
 */
import { relative } from "node:path";
import { followEvents } from "../../runner/follow-events.ts";
import type { Plan } from "../../runner/plan-types.ts";
import { cacheDirectory, startBackgroundRun, type BackgroundRun } from "../background-run.ts";
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { lastOutput } from "../last-output.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { recipeFlags } from "../recipe-flags.ts";
import { createRunDisplay, type RunDisplay } from "../run-view/run-display.ts";
import { headline } from "../run-view/run-summary.ts";
import { staleText } from "../text/plan-text.ts";
import { askPlan } from "./ask-plan.ts";
import type { FileWatcher } from "./file-watcher.ts";
import { RunningStages } from "./running-stages.ts";
import { newlyStale } from "./stale-stages.ts";
import { decideStop, maySafelyStop } from "./stop-decision.ts";

export interface WatchLoopOptions extends RecipeOptions {
  readonly targets: readonly string[];
  readonly json: boolean;
}

interface CurrentRun {
  readonly run: BackgroundRun;
  readonly display: RunDisplay;
  readonly stages: RunningStages;
  /** Something was edited since it began. */
  outdated: boolean;
  /** Asked to stop because of an edit. */
  stopping: boolean;
  /** It is to be stopped when nothing is lost by it. */
  stopLater: boolean;
}

export class WatchLoop {
  readonly #context: CliContext;
  readonly #options: WatchLoopOptions;
  readonly #looks = oneAtATime(() => this.#look());
  readonly #finished: Promise<void>;
  #finish: () => void = () => undefined;
  #watcher: FileWatcher | undefined;
  #plan: Plan | undefined;
  #current: CurrentRun | undefined;
  #ending = false;

  constructor(context: CliContext, options: WatchLoopOptions) {
    this.#context = context;
    this.#options = options;
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Resolves when it was interrupted and its run has ended. */
  async watch(watcher: FileWatcher): Promise<void> {
    this.#watcher = watcher;
    this.#looks.request();
    await this.#finished;
    await this.#looks.idle();
  }

  readonly changed = (): void => {
    if (this.#current) this.#current.outdated = true;
    this.#looks.request();
  };

  /** As Ctrl-C in `run`: the first asks for checkpoints, the second kills the stages. */
  interrupt(which: "first" | "second"): void {
    this.#ending = true;
    if (this.#current === undefined) {
      this.#finish();
      return;
    }
    this.#current.display.dispatch({ type: "stopping", how: which === "first" ? "gracefully" : "now" });
    this.#current.run.process.kill("SIGINT");
  }

  /** Asks for the plan, says what an edit made stale, and starts or stops a run accordingly. */
  async #look(): Promise<void> {
    const { targets } = this.#options;
    const changed = this.#watcher?.take() ?? [];
    const answer = await askPlan(this.#context, targets, this.#options);
    if (this.#ending) return;
    if (!answer.ok) {
      this.#tellError(changed, answer.error);
      return;
    }
    const { plan, watched } = answer.answer;
    this.#watcher?.add(watched);
    const before = this.#plan;
    this.#plan = plan;
    if (this.#current !== undefined) {
      if (changed.length > 0) this.#tellPlan(changed, plan, newlyStale(before, plan));
      this.#considerStopping(this.#current, plan);
      return;
    }
    const stale = plan.stages.filter(({ decision }) => decision !== "hit");
    this.#tellPlan(changed, plan, stale);
    if (stale.length > 0) await this.#start();
    else this.#tellWaiting();
  }

  async #start(): Promise<void> {
    const { targets, json } = this.#options;
    const display = await createRunDisplay(this.#context, this.#options);
    if (this.#ending) {
      display.end({ summary: false });
      return;
    }
    const command = ["run", ...targets, ...recipeFlags(this.#options)];
    const run = startBackgroundRun(this.#context, command, { tied: true });
    const current: CurrentRun = {
      run,
      display,
      stages: new RunningStages(),
      outdated: false,
      stopping: false,
      stopLater: false,
    };
    this.#current = current;
    void this.#follow(current, json);
  }

  async #follow(current: CurrentRun, json: boolean): Promise<void> {
    const { run, display, stages } = current;
    const cache = cacheDirectory(this.#context.host);
    for await (const { events } of followEvents(cache, run.runId, { isOver: run.hasEnded }))
      for (const event of events) {
        display.dispatch(event);
        stages.note(event);
        if (!current.outdated) continue;
        // What it begins now may not be what is wanted now.
        if (event.type === "stage-started") this.#looks.request();
        else if (current.stopLater) this.#stopIfSafe(current);
      }
    await run.ended;
    this.#current = undefined;
    const state = display.state();
    const { finished } = state;
    display.end({ summary: finished?.status !== "succeeded" && !current.stopping });
    if (finished?.status === "succeeded" && !json) this.#say(headline(state, this.#context.paint));
    if (finished === undefined && !json)
      for (const line of lastOutput(this.#context.host, run.runId)) note(this.#context, line);
    if (this.#ending) this.#finish();
    else if (current.outdated) this.#looks.request();
    else this.#tellWaiting();
  }

  #considerStopping(current: CurrentRun, plan: Plan): void {
    if (current.stopping) return;
    const decision = decideStop(current.stages.list(), plan);
    current.stopLater = decision !== "go-on";
    if (decision === "stop") this.#stop(current);
    else if (decision === "stop-later")
      current.display.say("what runs may be out of date: it is stopped when its work is safe");
  }

  #stopIfSafe(current: CurrentRun): void {
    if (!current.stopping && this.#plan !== undefined && maySafelyStop(current.stages.list(), this.#plan))
      this.#stop(current);
  }

  #stop(current: CurrentRun): void {
    current.stopping = true;
    current.display.say("what runs is out of date: stopping it at a checkpoint");
    current.run.process.kill("SIGINT");
  }

  #tellPlan(changed: readonly string[], plan: Plan, stale: Plan["stages"]): void {
    const { paint, host } = this.#context;
    const files = changed.map((path) => relative(host.projectRoot, path));
    if (this.#options.json) {
      printJson(this.#context, { type: "watch-plan", at: new Date().toISOString(), changed: files, stale });
      return;
    }
    const head = files.length === 0 ? [] : [`${paint("bold", "changed:")} ${files.join(", ")}`];
    this.#say([...head, staleText(plan, stale, paint)].join("\n"));
  }

  #tellError(changed: readonly string[], error: string): void {
    if (this.#options.json)
      printJson(this.#context, { type: "watch-error", at: new Date().toISOString(), message: error });
    if (this.#current) this.#current.display.say(error);
    else note(this.#context, error);
    if (changed.length > 0 || this.#current === undefined) this.#tellWaiting();
  }

  #say(text: string): void {
    if (this.#current) this.#current.display.say(text);
    else print(this.#context, text);
  }

  #tellWaiting(): void {
    if (this.#current === undefined) note(this.#context, "watching for changes; Ctrl-C ends");
  }
}
