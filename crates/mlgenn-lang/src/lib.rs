//! The model-description language: lexer, parser, type checker and diagnostics.
