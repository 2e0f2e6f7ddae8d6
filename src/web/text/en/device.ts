export const device = {
  title: 'Let a command line in',
  lead: 'It gets a token that may do what you may. Let it in only if you began it yourself.',
  code: 'The code that it shows',
  look: 'Look at who asks',
  asks: (name: string, address: string) => `${name} asks from ${address}.`,
  approve: 'Let it in',
  deny: 'Turn it away',
  approved: 'It is let in. You can close this page.',
  denied: 'It was turned away.',
}
