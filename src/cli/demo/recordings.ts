/**
 * Recorded conversations of our own for the demo: what six support and operations agents said and which tools they
 * called. Nobody real is in them.
 */
import type { EntryDraft } from '../../index.ts'
import { assistantMessage, systemEvent, toolCall, userMessage } from '../../index.ts'

/** One recorded conversation. */
export interface Recording {
  readonly name: string
  readonly agentName: string
  readonly steps: readonly EntryDraft[]
}

/** The recordings, in the order in which the demo plays them. */
export const RECORDINGS: readonly Recording[] = [
  {
    name: 'order-7731',
    agentName: 'order-desk',
    steps: [
      userMessage('Where is my order 7731? It should have been here on Monday.'),
      assistantMessage('Let me look it up.'),
      toolCall('find_order', true, { order: '7731', carrier: 'northpost', state: 'in transit', parcels: 2 }),
      toolCall('track_parcel', true, { parcel: 'NP-55-1', place: 'Bremen hub', since: '2 days' }),
      assistantMessage(
        'One of the two parcels is held at the Bremen hub since two days. Shall I ask them to hurry?',
      ),
      userMessage('Yes please, and tell me when it moves.'),
      toolCall('open_inquiry', true, { inquiry: 'Q-1182', answerWithin: '24 h' }),
      assistantMessage('Done: inquiry Q-1182. You will hear from us within 24 hours.'),
    ],
  },
  {
    name: 'refund-204',
    agentName: 'refunds',
    steps: [
      userMessage('The kettle I bought leaks. I want my money back.'),
      assistantMessage('I am sorry. Which order was it?'),
      userMessage('204, from last week.'),
      toolCall('find_order', true, { order: '204', total: 39.9, currency: 'EUR', paidBy: 'card' }),
      toolCall('check_policy', true, { refundable: true, until: '30 days' }),
      assistantMessage('You are within 30 days. Shall I refund 39.90 EUR to your card?'),
      userMessage('Yes.'),
      toolCall('refund', true, { refund: 'R-9', amount: 39.9, currency: 'EUR' }),
      assistantMessage('Refund R-9 is on its way. You may keep the kettle.'),
    ],
  },
  {
    name: 'incident-18',
    agentName: 'night-watch',
    steps: [
      systemEvent('alert', { service: 'checkout', metric: 'error rate', value: 0.07 }),
      userMessage('Checkout throws errors. Find out why.'),
      toolCall('read_logs', true, { service: 'checkout', lines: 4, top: 'ECONNREFUSED payments:8443' }),
      toolCall('ping', false, 'Error: payments:8443 does not answer'),
      assistantMessage('Checkout cannot reach payments on port 8443. I look at its last release.'),
      toolCall('list_releases', true, [{ service: 'payments', release: 'v212', minutesAgo: 14 }]),
      assistantMessage('payments v212 went out 14 minutes ago. I suggest to roll back to v211.'),
      userMessage('Do it.'),
      toolCall('roll_back', true, { service: 'payments', to: 'v211' }),
      toolCall('ping', true, { service: 'payments', milliseconds: 3 }),
      assistantMessage('v211 answers, the error rate is back to zero.'),
    ],
  },
  {
    name: 'invoice-3310',
    agentName: 'billing',
    steps: [
      userMessage('Invoice 3310 has the wrong VAT number.'),
      toolCall('find_invoice', true, { invoice: '3310', vat: 'DE000000001', state: 'paid' }),
      assistantMessage('It shows DE000000001. What should it be?'),
      userMessage('DE000000002.'),
      toolCall('check_vat', true, { vat: 'DE000000002', valid: true }),
      toolCall('reissue_invoice', true, { invoice: '3310-2', replaces: '3310' }),
      assistantMessage('Invoice 3310-2 replaces it and is in your inbox.'),
    ],
  },
  {
    name: 'trip-lisbon',
    agentName: 'travel',
    steps: [
      userMessage('My meeting in Lisbon moved to Thursday. Can you move my flight?'),
      toolCall('find_booking', true, { booking: 'LX4Q', from: 'HAM', to: 'LIS', day: 'Wednesday' }),
      toolCall('search_flights', true, [{ flight: 'TP 569', day: 'Thursday', fare: 41 }]),
      assistantMessage('TP 569 on Thursday costs 41 EUR more. Shall I change it?'),
      userMessage('Is there nothing cheaper?'),
      toolCall('search_flights', true, [{ flight: 'LH 1166', day: 'Thursday', fare: 19, stops: 1 }]),
      assistantMessage('LH 1166 with one stop costs 19 EUR more.'),
      userMessage('Take that one.'),
      toolCall('change_booking', true, { booking: 'LX4Q', flight: 'LH 1166' }),
      assistantMessage('Changed. Your seat stays 14C.'),
    ],
  },
  {
    name: 'flaky-test',
    agentName: 'code-review',
    steps: [
      userMessage('test/cart.test.ts fails every third run. Why?'),
      toolCall('run_test', true, { runs: 30, failed: 9 }),
      toolCall('read_file', true, { file: 'test/cart.test.ts', lines: 88 }),
      assistantMessage('Line 41 compares two timestamps made one after the other. I try a fixed clock.'),
      toolCall('edit_file', true, { file: 'test/cart.test.ts', changed: 3 }),
      toolCall('run_test', true, { runs: 300, failed: 0 }),
      assistantMessage('300 runs, none failed. The change is three lines.'),
    ],
  },
]
