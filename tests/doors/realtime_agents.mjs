// A conversation through @openai/agents-realtime over a WebSocket, as its own examples hold it.
// Arguments: the address, the token, then files of questions (16-bit PCM at 24 kHz). Each answer is written beside its
// question, with `.answer` behind its name.

import { readFileSync, writeFileSync } from "node:fs";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

const PIECE = 4800; // bytes, 0.1 s
const [url, token, ...questions] = process.argv.slice(2);
const agent = new RealtimeAgent({ name: "Assistant", instructions: "You are a helpful assistant." });
const session = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket({ url }) });
session.on("error", (error) => {
  console.error(JSON.stringify(error));
  process.exit(1);
});
await session.connect({ apiKey: token });
for (const question of questions) {
  const sound = [];
  const keep = (event) => sound.push(Buffer.from(event.data));
  session.on("audio", keep);
  const over = new Promise((resolve) => session.once("audio_stopped", resolve));
  const said = readFileSync(question);
  for (let start = 0; start < said.length; start += PIECE) {
    const piece = said.subarray(start, start + PIECE);
    session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
  }
  await over;
  session.off("audio", keep);
  writeFileSync(`${question}.answer`, Buffer.concat(sound));
}
session.close();
