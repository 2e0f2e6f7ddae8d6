/** What the address of an organization's webhooks says: which of its own is open, and which words are looked for. */
export type WebhooksSearch = Partial<Readonly<Record<'q' | 'webhook' | 'delivery', string>>>

export function parseWebhooksSearch(search: Readonly<Record<string, unknown>>): WebhooksSearch {
  const given = (['q', 'webhook', 'delivery'] as const).flatMap((word) => {
    const value = search[word]
    return typeof value === 'string' && value !== '' ? [[word, value] as const] : []
  })
  return Object.fromEntries(given)
}
