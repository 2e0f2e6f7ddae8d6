/** Where receivers say what became of a delivery; apart from what signs, which not every process needs. */
export const CALLBACKS_PATH = '/callbacks'
