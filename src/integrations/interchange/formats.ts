/**
 * The formats `import` and `export` know, by the names the command line uses.
 */
import { cellstate } from './cellstate.ts'
import { fluers } from './fluers.ts'
import { openaiChat } from './openai-chat.ts'
import { sessionwright } from './sessionwright.ts'
import { stateStore } from './state-store.ts'
import { thulp } from './thulp.ts'

/** Every interchange format by its name. `kind` says whether `parse` gives a session document or a conversation. */
export const INTERCHANGE_FORMATS = {
  cellstate,
  thulp,
  fluers,
  'state-store': stateStore,
  sessionwright,
  'openai-chat': openaiChat,
} as const

/** The name of an interchange format. */
export type InterchangeFormatName = keyof typeof INTERCHANGE_FORMATS
