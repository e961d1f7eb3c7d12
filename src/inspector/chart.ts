/**
 * A machine as data to draw: nodes and edges, walked from `machine.root`.
 *   CT1  Every transition of the machine is an edge: `on`, `always`, `after`, done and error ones, in the order the machine
 *        tries them. A transition to several states is one edge for each.
 *   CT2  A chart is plain JSON; its version is a hash of what is drawn, so that a layout can be kept by it.
 */
import { createHash } from 'node:crypto'
import type { AnyStateMachine } from 'xstate'

/** A state of a machine. */
export interface ChartNode {
  readonly id: string
  readonly key: string
  readonly parentId: string | null
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  /** Whether its parent begins here. */
  readonly initial: boolean
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly invoke: readonly string[]
  /** Actions of the transition to the initial state below. */
  readonly initialActions: readonly string[]
  /** Where a history state goes when there is no history. */
  readonly historyTargets: readonly string[]
  readonly description: string | null
}

/** A transition of a machine. */
export interface ChartEdge {
  readonly id: string
  readonly source: string
  /** The source itself when the transition has no target: then `internal` is true and no state is left. */
  readonly target: string
  readonly internal: boolean
  /** The event as it is sent; `` for eventless ones. */
  readonly event: string
  readonly guard: string | null
  readonly actions: readonly string[]
  readonly kind: 'on' | 'always' | 'after' | 'done' | 'error'
  readonly description: string | null
}

/** A machine, drawn as data. */
export interface Chart {
  readonly name: string
  readonly version: string
  readonly nodes: readonly ChartNode[]
  readonly edges: readonly ChartEdge[]
}

type Node = AnyStateMachine['root']
type Transition = Node['always'] extends readonly (infer Item)[] | undefined ? Item : never

/** The chart of a machine (CT1, CT2). */
export function chartOf(name: string, machine: AnyStateMachine): Chart {
  const nodes: ChartNode[] = []
  const edges: ChartEdge[] = []
  walk(machine.root, null, nodes, edges)
  const version = createHash('sha256')
    .update(JSON.stringify([nodes, edges]))
    .digest('hex')
    .slice(0, 16)
  return { name, version, nodes, edges }
}

/** Whether a value is a machine that can be drawn. */
export function isMachine(value: unknown): value is AnyStateMachine {
  const root = (value as { root?: { states?: unknown } } | null | undefined)?.root
  return typeof root === 'object' && root !== null && typeof root.states === 'object'
}

function walk(node: Node, parent: Node | null, nodes: ChartNode[], edges: ChartEdge[]): void {
  const isCompound = node.type === 'compound'
  const initial = isCompound
    ? (node.initial as { target?: readonly Node[]; actions?: readonly unknown[] })
    : null
  const parentInitial =
    parent?.type === 'compound' ? (parent.initial as { target?: readonly Node[] }).target : null
  nodes.push({
    id: node.id,
    key: node.key,
    parentId: parent?.id ?? null,
    type: node.type,
    initial:
      parent?.type === 'parallel' || (parentInitial?.some((target) => isWithin(target, node)) ?? false),
    entry: node.entry.map(nameOf),
    exit: node.exit.map(nameOf),
    invoke: node.invoke.map(({ id, src }) => (typeof src === 'string' ? src : id)),
    initialActions: (initial?.actions ?? []).map(nameOf),
    historyTargets: node.type === 'history' ? historyTargets(node) : [],
    description: node.description ?? null,
  })
  for (const [event, transitions] of node.transitions as ReadonlyMap<string, readonly Transition[]>) {
    addEdges(node, event, kindOf(event), transitions, edges)
  }
  addEdges(node, '', 'always', node.always ?? [], edges)
  for (const child of Object.values(node.states as Record<string, Node>)) walk(child, node, nodes, edges)
}

function addEdges(
  node: Node,
  event: string,
  kind: ChartEdge['kind'],
  transitions: readonly Transition[],
  edges: ChartEdge[],
): void {
  for (const [index, transition] of transitions.entries()) {
    const targets = (transition.target ?? []) as readonly Node[]
    const base = `${node.id} ${kind === 'always' ? 'always' : event} ${index}`
    const shared = {
      source: node.id,
      event,
      guard: guardName(transition.guard),
      actions: transition.actions.map(nameOf),
      kind,
      description: transition.description ?? null,
    }
    if (targets.length === 0) edges.push({ id: base, target: node.id, internal: true, ...shared })
    for (const [number, { id: target }] of targets.entries()) {
      edges.push({ id: number === 0 ? base : `${base} ${number}`, target, internal: false, ...shared })
    }
  }
}

function kindOf(event: string): ChartEdge['kind'] {
  if (event.startsWith('xstate.after.')) return 'after'
  if (event.startsWith('xstate.done.')) return 'done'
  return event.startsWith('xstate.error.') ? 'error' : 'on'
}

function isWithin(target: Node, node: Node): boolean {
  return target === node || (target.parent !== undefined && isWithin(target.parent, node))
}

function historyTargets(node: Node): string[] {
  const target = (node.config as { readonly target?: string | readonly string[] }).target
  const listed = typeof target === 'string' ? [target] : (target ?? [])
  return listed.map((item) => (item.startsWith('#') ? item.slice(1) : `${node.parent?.id ?? ''}.${item}`))
}

function guardName(guard: unknown): string | null {
  if (guard === undefined || guard === null) return null
  const { guards } = guard as { readonly guards?: readonly unknown[] }
  const name = nameOf(guard)
  // `and`, `or` and `not` of XState say what they combine.
  if (!Array.isArray(guards)) return name
  return `${name.replace(/^xstate\.guard\./, '')}(${guards.map((item) => guardName(item) ?? '?').join(', ')})`
}

/** How an action or guard is called: its name, the type of a built-in, or `inline`. */
function nameOf(item: unknown): string {
  if (typeof item === 'string') return item
  const { type, name } = item as { readonly type?: unknown; readonly name?: unknown }
  if (typeof type === 'string') return type
  return typeof name === 'string' && name !== '' ? name : 'inline'
}
