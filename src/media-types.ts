// The media types of answers that are made in several places.

export const jsonType = 'application/json; charset=utf-8';
