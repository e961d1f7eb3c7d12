/**
 * Where states and edges of a chart go: laid out by ELK in a worker, once per chart version.
 */
import ELK, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk-api.js'
import workerUrl from 'elkjs/lib/elk-worker.min.js?url'
import type { Chart, ChartEdge, ChartNode } from './api.ts'

/** A point of the chart, from its top left corner. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** A laid-out chart: boxes relative to their parents, edges and labels relative to the whole. */
export interface Layout {
  readonly boxes: ReadonlyMap<
    string,
    { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  >
  readonly edges: ReadonlyMap<
    string,
    { readonly points: readonly Point[]; readonly label: Point; readonly width: number }
  >
}

// A worker's address is a script: Trusted Types want to see where it comes from.
interface Policy {
  createScriptURL(url: string): string
}
const { trustedTypes } = globalThis as {
  trustedTypes?: { createPolicy(name: string, rules: Policy): Policy }
}
const policy = trustedTypes?.createPolicy('sessionwright', { createScriptURL: (url) => url })

let elk: InstanceType<typeof ELK> | undefined
const known = new Map<string, Promise<Layout>>()

/** The layout of a chart; the same promise for the same version. */
export function layoutOf(chart: Chart): Promise<Layout> {
  const key = `${chart.name}@${chart.version}`
  let layout = known.get(key)
  if (layout === undefined) {
    layout = arrange(chart)
    known.set(key, layout)
  }
  return layout
}

/** The lines an edge shows. */
export function labelOf(edge: ChartEdge): { readonly event: string; readonly guard: string | null } {
  return { event: edge.event === '' ? 'always' : edge.event, guard: edge.guard }
}

const CHARACTER = 6.4

async function arrange(chart: Chart): Promise<Layout> {
  elk ??= new ELK({
    workerFactory: () => new Worker((policy?.createScriptURL(workerUrl) ?? workerUrl) as string),
  })
  const children = new Map<string | null, ChartNode[]>()
  for (const node of chart.nodes) {
    const siblings = children.get(node.parentId) ?? []
    siblings.push(node)
    children.set(node.parentId, siblings)
  }
  const nodeOf = (node: ChartNode): ElkNode => {
    const inner = children.get(node.id)?.map(nodeOf)
    const notes = node.entry.length + node.exit.length + node.invoke.length
    const text = Math.max(node.key.length + 3, ...node.invoke.map((name) => name.length + 9))
    return {
      id: node.id,
      width: Math.max(110, text * 7.4 + 26),
      height: 36 + notes * 16,
      ...(inner === undefined
        ? {}
        : {
            children: inner,
            layoutOptions: { 'elk.padding': `[top=${40 + notes * 16},left=20,bottom=20,right=20]` },
          }),
    }
  }
  const widths = new Map<string, number>()
  const edges: ElkExtendedEdge[] = chart.edges.map((edge) => {
    const { event, guard } = labelOf(edge)
    const width = Math.max(event.length, (guard?.length ?? -2) + 2) * CHARACTER + 14
    widths.set(edge.id, width)
    return {
      id: edge.id,
      sources: [edge.source],
      targets: [edge.target],
      labels: [{ text: event, width, height: guard === null ? 18 : 33 }],
    }
  })
  const graph = await elk.layout({
    id: '(chart)',
    children: (children.get(null) ?? []).map(nodeOf),
    edges,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.json.edgeCoords': 'ROOT',
      'elk.layered.spacing.nodeNodeBetweenLayers': '36',
      'elk.spacing.nodeNode': '24',
      'elk.spacing.edgeNode': '16',
      'elk.spacing.edgeEdge': '12',
      'elk.spacing.edgeLabel': '4',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.layered.mergeEdges': 'false',
    },
  })
  const boxes = new Map<string, { x: number; y: number; width: number; height: number }>()
  const collect = (node: ElkNode): void => {
    for (const child of node.children ?? []) {
      boxes.set(child.id, {
        x: child.x ?? 0,
        y: child.y ?? 0,
        width: child.width ?? 0,
        height: child.height ?? 0,
      })
      collect(child)
    }
  }
  collect(graph)
  const routes = new Map<string, { points: Point[]; label: Point; width: number }>()
  for (const edge of (graph.edges ?? []) as ElkExtendedEdge[]) {
    const section = edge.sections?.[0]
    const label = edge.labels?.[0]
    if (section === undefined) continue
    routes.set(edge.id, {
      points: [section.startPoint, ...(section.bendPoints ?? []), section.endPoint],
      label: { x: label?.x ?? section.startPoint.x, y: label?.y ?? section.startPoint.y },
      width: widths.get(edge.id) ?? 60,
    })
  }
  return { boxes, edges: routes }
}
