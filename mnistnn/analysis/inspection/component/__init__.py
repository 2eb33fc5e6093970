"""What mnistnn's tests ask of its own components, asked of any component: for code that users write."""
