/**
 * A statechart: states nested, the active ones lit, the last transition flashing, what can happen next marked.
 */
import '@xyflow/react/dist/style.css'
import {
  BaseEdge,
  Controls,
  EdgeLabelRenderer,
  Handle,
  Position,
  ReactFlow,
  type Edge,
  type EdgeProps,
  type FitViewOptions,
  type Node,
  type NodeProps,
} from '@xyflow/react'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import type { Chart, ChartEdge, ChartNode, Json } from './api.ts'
import { labelOf, layoutOf, type Layout, type Point } from './chart-layout.ts'
import { Calm, RefusalNote, useReading } from './parts.tsx'

type StateNode = Node<
  { readonly node: ChartNode; readonly isHere: boolean; readonly flash: boolean },
  'state'
>
type Transition = Edge<
  {
    readonly edge: ChartEdge
    readonly route: { readonly points: readonly Point[]; readonly label: Point; readonly width: number }
    readonly mark: '' | 'next' | 'fired'
  },
  'transition'
>

/** What a chart shows beside its shape. */
export interface ChartState {
  /** State value of the machine. */
  readonly value: Json
  /** The last transition: its event, and the status it left. */
  readonly last?: { readonly event: string; readonly from: string; readonly revision: number }
  /** Events that would be taken now. */
  readonly next?: readonly string[]
}

/** The ids of the states a value stands for, the machine's own first. */
export function activeIds(chart: Chart, value: Json): ReadonlySet<string> {
  const root = chart.nodes.find(({ parentId }) => parentId === null)
  const active = new Set<string>()
  if (root === undefined) return active
  const enter = (parent: string, inner: Json): void => {
    active.add(parent)
    if (typeof inner === 'string') enterChild(parent, inner, null)
    else if (inner !== null && typeof inner === 'object' && !Array.isArray(inner)) {
      for (const [key, deeper] of Object.entries(inner)) enterChild(parent, key, deeper)
    }
  }
  const enterChild = (parent: string, key: string, inner: Json): void => {
    const child = chart.nodes.find((node) => node.parentId === parent && node.key === key)
    if (child !== undefined) enter(child.id, inner)
  }
  enter(root.id, value)
  return active
}

function StateBox({ data }: NodeProps<StateNode>): ReactNode {
  const { node, isHere, flash } = data
  return (
    <div
      className={`state ${node.type}${isHere ? ' here' : ''}${flash ? ' flash' : ''}`}
      data-state={node.id}
      data-here={isHere || undefined}
    >
      <Handle type="target" position={Position.Left} style={{ visibility: 'hidden' }} />
      <Handle type="source" position={Position.Right} style={{ visibility: 'hidden' }} />
      <b className="cut">
        {node.initial && <span title="initial state">▸ </span>}
        {node.key}
      </b>
      {node.invoke.map((name) => (
        <span key={name} className="quiet cut">
          invokes {name}
        </span>
      ))}
      {node.entry.map((name) => (
        <span key={name} className="quiet cut">
          entry / {name}
        </span>
      ))}
      {node.exit.map((name) => (
        <span key={name} className="quiet cut">
          exit / {name}
        </span>
      ))}
    </div>
  )
}

/** A line along ELK's bend points, its corners rounded. */
function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  let path = `M ${first.x} ${first.y}`
  for (let index = 0; index < rest.length; index += 1) {
    const at = rest[index] as Point
    const after = rest[index + 1]
    const before = index === 0 ? first : (rest[index - 1] as Point)
    if (after === undefined) path += ` L ${at.x} ${at.y}`
    else {
      const radius = Math.min(
        6,
        Math.hypot(at.x - before.x, at.y - before.y) / 2,
        Math.hypot(after.x - at.x, after.y - at.y) / 2,
      )
      const enter = toward(at, before, radius)
      const leave = toward(at, after, radius)
      path += ` L ${enter.x} ${enter.y} Q ${at.x} ${at.y} ${leave.x} ${leave.y}`
    }
  }
  return path
}

function toward(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  return {
    x: from.x + ((to.x - from.x) / length) * distance,
    y: from.y + ((to.y - from.y) / length) * distance,
  }
}

function TransitionLine({ id, data, markerEnd }: EdgeProps<Transition>): ReactNode {
  if (data === undefined) return null
  const { edge, route, mark } = data
  const { event, guard } = labelOf(edge)
  const actions = edge.actions.join(', ')
  return (
    <>
      <BaseEdge
        id={id}
        path={pathOf(route.points)}
        className={`edge-path ${mark}`}
        {...(markerEnd === undefined ? {} : { markerEnd })}
      />
      <EdgeLabelRenderer>
        <div
          className={`edge-label ${mark}`}
          style={{ transform: `translate(${route.label.x}px, ${route.label.y}px)`, width: route.width }}
          title={[event, guard === null ? '' : `if ${guard}`, actions === '' ? '' : `does ${actions}`]
            .filter(Boolean)
            .join('\n')}
        >
          {event}
          {guard !== null && <div className="guard">[{guard}]</div>}
        </div>
      </EdgeLabelRenderer>
    </>
  )
}

const nodeTypes = { state: StateBox }
const edgeTypes = { transition: TransitionLine }

/** One machine's chart. */
export function ChartView({ name, state }: { readonly name: string; readonly state: ChartState }): ReactNode {
  const { data: chart, error } = useReading<Chart>(`charts/${name}`)
  const [layout, setLayout] = useState<Layout | undefined>()
  const [fault, setFault] = useState<Error | undefined>()
  useEffect(() => {
    setLayout(undefined)
    if (chart !== undefined && chart.name === name) layoutOf(chart).then(setLayout, setFault)
  }, [chart, name])
  const flow = useMemo(
    () => (chart === undefined || layout === undefined ? undefined : flowOf(chart, layout, state)),
    [chart, layout, state],
  )
  if (error !== undefined || fault !== undefined) return <RefusalNote error={(error ?? fault) as Error} />
  if (flow === undefined) return <Calm title="Laying out the chart…" />
  return (
    <div className="chart" data-chart={name}>
      <ReactFlow
        key={name}
        nodes={flow.nodes}
        edges={flow.edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={fitting(flow.nodes)}
        minZoom={0.2}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        colorMode="system"
        proOptions={{ hideAttribution: true }}
      >
        <Controls showInteractive={false} position="bottom-right" orientation="horizontal" />
      </ReactFlow>
      <div className="chart-legend" aria-hidden="true">
        <span>filled: active now</span>
        <span>blue edge: can happen next</span>
        <span>▸ initial</span>
      </div>
    </div>
  )
}

/** All of the chart; where that would be too small to read, the states the machine is in. */
function fitting(nodes: readonly StateNode[]): FitViewOptions<StateNode> {
  if (!matchMedia('(max-width: 760px)').matches) return { padding: 0.06 }
  const innermost = nodes.filter(({ data }) => data.isHere && data.node.type !== 'compound')
  return { nodes: innermost, maxZoom: 0.9 }
}

function flowOf(
  chart: Chart,
  layout: Layout,
  state: ChartState,
): { nodes: StateNode[]; edges: Transition[] } {
  const active = activeIds(chart, state.value)
  const { last, next = [] } = state
  const key = (id: string): string => chart.nodes.find((node) => node.id === id)?.key ?? ''
  const leaves = (edge: ChartEdge, status: string): boolean =>
    edge.source.split('.').includes(status) || key(edge.source) === status
  const nodes = chart.nodes.map((node): StateNode => {
    const box = layout.boxes.get(node.id)
    return {
      id: node.id,
      type: 'state',
      position: { x: box?.x ?? 0, y: box?.y ?? 0 },
      width: box?.width ?? 100,
      height: box?.height ?? 36,
      ...(node.parentId === null ? {} : { parentId: node.parentId, extent: 'parent' as const }),
      data: {
        node,
        isHere: active.has(node.id),
        flash: last !== undefined && active.has(node.id) && node.type !== 'compound',
      },
    }
  })
  const edges = chart.edges.flatMap((edge): Transition[] => {
    const route = layout.edges.get(edge.id)
    if (route === undefined) return []
    const fired = last !== undefined && edge.event === last.event && leaves(edge, last.from)
    const possible = active.has(edge.source) && next.includes(edge.event)
    return [
      {
        id: edge.id,
        source: edge.source,
        target: edge.target,
        type: 'transition',
        zIndex: 1000,
        markerEnd: { type: 'arrowclosed' as never, width: 14, height: 14 },
        data: { edge, route, mark: fired ? 'fired' : possible ? 'next' : '' },
      },
    ]
  })
  return { nodes, edges }
}
