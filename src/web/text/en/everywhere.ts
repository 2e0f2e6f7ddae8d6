export const common = {
  cancel: 'Cancel',
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',
  loading: 'Loading …',
  never: 'never',
  retry: 'Try again',
  search: 'Search',
  whatHappened: 'That did not work',
  notFound: 'There is nothing at this address, or you may not see it.',
  typeName: (name: string) => `Type ${name} to go on`,
  incomplete: (count: string) => `Only the first ${count} are shown: search for what you want.`,
}
