/** Deterministic text in two languages, regular enough to be learnt in a few dozen steps. Not a test. */
import { createRandom, type Random } from "../../src/data/random.ts";

const english =
  "the river people village house small great water light morning carried slowly walked spoke about between mountain garden winter summer letter answered always never under over silver stone bridge";
const chinese =
  "春天 河水 人们 村庄 房子 早晨 慢慢 走过 说话 之间 山上 花园 冬天 夏天 来信 回答 总是 从不 石头 小桥 月光 明亮";

/** JSON Lines with one document each, about 340 characters of English or 90 of Chinese. */
export function trainingText(language: "en" | "zh", documents: number): string {
  const random = createRandom(1).fork(language);
  const lines = Array.from({ length: documents }, () => JSON.stringify({ text: document(language, random) }));
  return `${lines.join("\n")}\n`;
}

function document(language: "en" | "zh", random: Random): string {
  const words = (language === "en" ? english : chinese).split(" ");
  const sentence = (): string => {
    const chosen = Array.from(
      { length: 5 + random.nextInt(5) },
      () => words[random.nextInt(words.length)] ?? "",
    );
    return language === "en" ? `${chosen.join(" ")}. ` : `${chosen.join("")}。`;
  };
  return Array.from({ length: 6 }, sentence).join("").trim();
}
