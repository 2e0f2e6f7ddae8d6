export const deletion = {
  title: (count: string) => (count === '1' ? 'Delete 1 tag?' : `Delete ${count} tags?`),
  submit: (count: string) => (count === '1' ? 'Delete 1 tag' : `Delete ${count} tags`),
  done: (count: string) => (count === '1' ? '1 tag deleted.' : `${count} tags deleted.`),
  frees: (size: string) => `Nothing else in this repository uses ${size} of what they hold.`,
  held: (tag: string, others: string, more: string) =>
    more === '0'
      ? `${tag}: its content stays, ${others} points to it too.`
      : `${tag}: its content stays, ${others} and ${more} more point to it too.`,
  freesNothing: 'Nothing is freed: all that they hold is used by something else in this repository.',
  kept: (until: string) => `They can be restored from their history until ${until}.`,
  mirror: 'The mirror will not bring them back until you give them back to it.',
  refused: (tag: string, why: string) => `${tag} stays: ${why}.`,
}
